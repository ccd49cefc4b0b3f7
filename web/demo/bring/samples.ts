import { html } from "../dom.js";
import { shapeText } from "../format.js";

/** Real weights that are served with the page, as listed in samples/index.json. */
export interface Sample {
  readonly name: string;
  readonly urls: readonly string[];
  /** The dimensions of a matrix, whose channel axis is `axis`; both are undefined for a whole model. */
  readonly shape?: readonly number[];
  readonly axis?: number;
  /** The origin of the weights. */
  readonly source: string;
  readonly description: string;
}

/** Fills the list with the example and the samples, and reports choices. Resolves to the samples. */
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
        ? [
            html(
              "option",
              { value: String(i) },
              `${sample.name}, ${sample.shape ? shapeText(sample.shape) : "the model"}`,
            ),
          ]
        : [],
    );
    select.append(html("optgroup", { label: source }, ...options));
  }
  return samples;
}

/** The list of real weights; empty if the page was built without them, as in one file. */
async function fetchSamples(): Promise<Sample[]> {
  if (import.meta.env.MODE === "one-file") return [];
  const index = new URL("samples/index.json", document.baseURI);
  try {
    const response = await fetch(index);
    if (!response.ok) return [];
    const list = (await response.json()) as (Omit<Sample, "urls"> & { files: string[] })[];
    return list.map(({ files, ...sample }) => ({ ...sample, urls: files.map((file) => new URL(file, index).href) }));
  } catch {
    return [];
  }
}

/** The files of a sample, as if they had been opened. */
export function fetchSample({ urls }: Sample): Promise<File[]> {
  return Promise.all(
    urls.map(async (url) => {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`The sample cannot be loaded: ${response.status} ${response.statusText}.`);
      return new File([await response.blob()], new URL(url).pathname.split("/").at(-1) as string);
    }),
  );
}
