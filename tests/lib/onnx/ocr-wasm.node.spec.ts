import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { describeOcr } from "./ocr.js";

env.wasm.numThreads = 1;

describeOcr("onnxruntime-web", async () => ({ InferenceSession, Tensor }));
