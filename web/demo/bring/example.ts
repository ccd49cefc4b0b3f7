/** A matrix that shows why channels matter: one row has a large range, and two have very small ones. */
export const example = `channel, w0, w1, w2, w3, w4, w5, w6, w7
edges, 0.42, -0.31, 0.18, 0.05, -0.47, 0.26, -0.12, 0.39
corners, -0.21, 0.34, 0.08, -0.29, 0.11, -0.37, 0.25, 0.02
outlier, 11.8, -3.2, 7.45, -12.6, 0.9, 5.15, -8.3, 2.7
texture, 0.062, -0.048, 0.071, 0.033, -0.015, 0.054, -0.069, 0.027
faint, 0.0031, -0.0012, 0.0024, -0.0028, 0.0007, 0.0019, -0.0033, 0.0015
colour, 1.35, -0.82, 0.64, 1.12, -1.48, 0.29, 0.97, -0.56
`;
