import { loadOnnxruntimeNode } from "../../../scripts/ocr/packages.mjs";
import { describeOcr } from "./ocr.js";

describeOcr("onnxruntime-node", loadOnnxruntimeNode);
