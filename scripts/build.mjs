// @ts-check
/**
 * `npm run build`: the set-up builds the codec where its sources have changed; this only asks for
 * it.
 */
import { setUpOrExit } from "./setup.mjs";

await setUpOrExit();
