// @vitest-environment happy-dom
import { worksHere } from "./imitated-page.js";

worksHere();
