const pageBytes = 8_192
/** High byte of XLOG_PAGE_MAGIC, the same in every version of Postgres since 9.6; the low byte counts the versions. */
const magic = 0xd1
/** XLogPageHeaderData and XLogLongPageHeaderData with their padding, `access/xlog_internal.h`. */
const shortHeaderBytes = 24
const longHeaderBytes = 40
/** XLP_LONG_HEADER in `xlp_info`, the two bytes after the magic. */
const longHeader = 0x0002

/** Whether a file of this path has the name of a WAL segment: `pg_wal`, a spool, or what a restore reads. */
export function isNamedLikeWal(path: string): boolean {
  return /(?:^|\/)[0-9A-F]{24}(?:\.partial)?$/.test(path)
}

/**
 * A WAL segment without the headers of its pages. A record runs on across pages, and with it what was planted: a header in between would hide its
 * sign, or leave a sign whose owner cannot be told. Pages that have none stay whole: those not written yet, and those of an encrypted object.
 */
export function withoutPageHeaders(segment: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at < segment.length; at += pageBytes) {
    const page = segment.subarray(at, at + pageBytes)
    kept.push(page.subarray(headerBytes(page)))
  }
  return Buffer.concat(kept)
}

function headerBytes(page: Buffer): number {
  if (page.length < longHeaderBytes || page[1] !== magic) return 0
  return (page.readUInt16LE(2) & longHeader) === 0 ? shortHeaderBytes : longHeaderBytes
}
