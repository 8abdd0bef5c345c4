/** Bounds of memory while an object is stored. */
export interface PutSettings {
  partBytes: number
  partsInFlight: number
}
