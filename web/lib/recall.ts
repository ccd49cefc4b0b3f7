export { type RecallOptions, type RecallReport, type RecallSetting, recall } from "./embeddings/recall.js";
