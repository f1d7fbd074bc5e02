/** Exports of the codec module; abi.ts is the contract. */
export { encodeFrame } from "./envelope/frame";
