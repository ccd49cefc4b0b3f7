// npx vite serves it, and npx vite build builds it: neither needs a configuration.

import { blobSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { load } from "channelwise/parallel";

const status = document.querySelector("p");
const link = document.querySelector("a");

const loading = load(); // once; the workers wait for the next file

document.querySelector("input").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  try {
    const channelwise = await loading;
    const model = await openModel(file);
    const sink = blobSink();
    const plan = planModel(model, { bits: 8 });
    const { byteLength } = await quantizeModel(channelwise, plan, sink, {
      onProgress: ({ done, total }) => {
        status.textContent = `${Math.round((100 * done) / total)} %`;
      },
    });
    status.textContent = `${file.size} bytes became ${byteLength}.`;
    link.href = URL.createObjectURL(await sink.blob());
    link.download = file.name.replace(/(\.\w+)$/, "-int8$1");
    link.hidden = false;
  } catch (error) {
    status.textContent = error.message; // it names the file, the tensor and what to do
  }
});
