export {
  type LeftOut,
  leaveOut,
  type RecallOptions,
  type RecallReport,
  type RecallSetting,
  recall,
  usualSettings,
} from "./embeddings/recall.js";
