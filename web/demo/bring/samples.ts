import { html } from "../dom.js";
import { shapeText } from "../format.js";

/** Real weights that lie beside the page, as samples/index.json lists them. */
export interface Sample {
  name: string;
  url: string;
  shape: number[];
  /** The channel axis. */
  axis: number;
  /** Where the weights come from. */
  source: string;
  description: string;
}

/** Fills the list with the example and the samples there are, and tells what is chosen. Resolves to the samples. */
export async function loadSamples(
  select: HTMLSelectElement,
  chosen: (sample: "example" | Sample) => void,
): Promise<Sample[]> {
  select.append(html("option", { value: "" }, "Samples"), html("option", { value: "example" }, "Small example"));
  let samples: Sample[] = [];
  select.addEventListener("change", () => {
    if (select.value !== "") chosen(select.value === "example" ? "example" : samples[Number(select.value)]);
  });

  samples = await fetchSamples();
  for (const source of new Set(samples.map((sample) => sample.source))) {
    const options = samples.flatMap((sample, i) =>
      sample.source === source
        ? [html("option", { value: String(i) }, `${sample.name}, ${shapeText(sample.shape)}`)]
        : [],
    );
    select.append(html("optgroup", { label: source }, ...options));
  }
  return samples;
}

/** The list of real weights; empty where the page was built without them. */
async function fetchSamples(): Promise<Sample[]> {
  const index = new URL("samples/index.json", document.baseURI);
  try {
    const response = await fetch(index);
    if (!response.ok) return [];
    const list = (await response.json()) as (Sample & { file: string })[];
    return list.map((sample) => ({ ...sample, url: new URL(sample.file, index).href }));
  } catch {
    return [];
  }
}
