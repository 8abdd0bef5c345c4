/*
 * What one appending left in the journal: per moment the numbers of the series and their values, as they are. It is read back only
 * after a stop and by readers beside the writer, within the hour; packing it would gain little.
 */

/** One sample of a series known by number. */
export interface NumberedSample {
  series: number
  atMs: number
  value: number
}

const groupBytes = 12
const sampleBytes = 12

/** Samples that follow each other at the same moment share it. */
export function writeRecord(samples: readonly NumberedSample[]): Uint8Array {
  const groups: NumberedSample[][] = []
  for (const sample of samples) {
    const last = groups.at(-1)
    if (last?.[0]?.atMs === sample.atMs) last.push(sample)
    else groups.push([sample])
  }
  const view = new DataView(new ArrayBuffer(groups.length * groupBytes + samples.length * sampleBytes))
  let at = 0
  for (const group of groups) {
    view.setFloat64(at, group[0]?.atMs ?? 0)
    view.setUint32(at + 8, group.length)
    at += groupBytes
    for (const { series, value } of group) {
      view.setUint32(at, series)
      view.setFloat64(at + 4, value)
      at += sampleBytes
    }
  }
  return new Uint8Array(view.buffer)
}

export function readRecord(bytes: Uint8Array, each: (series: number, atMs: number, value: number) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < bytes.byteLength) {
    const atMs = view.getFloat64(at)
    const end = at + groupBytes + view.getUint32(at + 8) * sampleBytes
    for (at += groupBytes; at < end; at += sampleBytes) each(view.getUint32(at), atMs, view.getFloat64(at + 4))
  }
}
