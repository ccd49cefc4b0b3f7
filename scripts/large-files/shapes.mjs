/** These take 12.9 GB as float32. */
export const layers = Array.from({ length: 48 }, () => [4096, 16384]);

/** One tensor of 3.2 GB. */
export const single = [[8192, 98304]];
