// @vitest-environment jsdom
import { worksHere } from "./imitated-page.js";

worksHere();
