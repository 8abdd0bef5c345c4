/** What a file says of its image before anything of it is unpacked. */
export interface ImageHeader {
  type: 'jpeg' | 'png' | 'webp'
  width: number
  height: number
  /** How it has to be turned, as Exif numbers it: 1 for not at all, up to 8. */
  orientation: number
  /** Whether the file goes on to its end mark; one that was cut off does not. */
  whole: boolean
}

/** Reads the header of a JPEG, PNG or WebP file; undefined for anything else, and for a header that makes no sense. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    if (startsWith(bytes, 0, [0xff, 0xd8])) return readJpeg(view)
    if (startsWith(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return readPng(view)
    if (isTag(view, 0, 'RIFF') && isTag(view, 8, 'WEBP')) return readWebp(view)
  } catch (error) {
    // The header points behind the end of the file.
    if (!(error instanceof RangeError)) throw error
  }
  return undefined
}

const startOfScan = 0xda
const endOfImage = 0xd9

function readJpeg(view: DataView): ImageHeader | undefined {
  let size: { width: number; height: number } | undefined
  let orientation = 1
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return undefined
    const marker = view.getUint8(at + 1)
    if (marker === 0xff) {
      at++
      continue
    }
    if (marker === endOfImage) return undefined
    const length = view.getUint16(at + 2)
    if (length < 2) return undefined
    // Frames: all of C0 to CF but tables (C4, CC) and the reserved C8.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      // A second frame would let one size be told here and another be unpacked.
      if (size !== undefined) return undefined
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
    }
    if (marker === 0xe1) orientation = exifOrientation(view, at + 4, at + 2 + length) ?? orientation
    if (marker === startOfScan) {
      return size === undefined
        ? undefined
        : checked({ type: 'jpeg', ...size, orientation, whole: endsAfter(view, at + 2 + length) })
    }
    at += 2 + length
  }
}

/** Whether the end mark follows the scans. Within them FF is followed by 0 or by a restart mark; other marks carry a length. */
function endsAfter(view: DataView, scan: number): boolean {
  for (let at = scan; at + 1 < view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) {
      at++
      continue
    }
    const marker = view.getUint8(at + 1)
    if (marker === endOfImage) return true
    if (marker === 0xff) at++
    else if (marker === 0 || (marker >= 0xd0 && marker <= 0xd7)) at += 2
    else if (at + 3 < view.byteLength) at += 2 + view.getUint16(at + 2)
    else return false
  }
  return false
}

/** The orientation an Exif segment tells. */
function exifOrientation(view: DataView, start: number, end: number): number | undefined {
  return isTag(view, start, 'Exif') ? tiffOrientation(view, start + 6, end) : undefined
}

function readPng(view: DataView): ImageHeader | undefined {
  if (!isTag(view, 12, 'IHDR')) return undefined
  const size = { width: view.getUint32(16), height: view.getUint32(20) }
  let orientation = 1
  let whole = false
  for (let at = 8; at + 12 <= view.byteLength && !whole; ) {
    const length = view.getUint32(at)
    whole = isTag(view, at + 4, 'IEND')
    if (isTag(view, at + 4, 'eXIf')) orientation = tiffOrientation(view, at + 8, at + 8 + length) ?? orientation
    at += 12 + length
  }
  return checked({ type: 'png', ...size, orientation, whole })
}

/** What the first directory of TIFF tags says; undefined when it says nothing, or nonsense. */
function tiffOrientation(view: DataView, tiff: number, end: number): number | undefined {
  const little = view.getUint16(tiff) === 0x4949
  const directory = tiff + view.getUint32(tiff + 4, little)
  const last = Math.min(end, view.byteLength)
  if (directory + 2 > last) return undefined
  const entries = view.getUint16(directory, little)
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12
    if (entry + 12 > last) return undefined
    if (view.getUint16(entry, little) !== 0x0112) continue
    const value = view.getUint16(entry + 8, little)
    return value >= 1 && value <= 8 ? value : undefined
  }
  return undefined
}

function readWebp(view: DataView): ImageHeader | undefined {
  const whole = view.getUint32(4, true) + 8 <= view.byteLength
  let size: { width: number; height: number } | undefined
  let orientation = 1
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const length = view.getUint32(at + 4, true)
    const data = at + 8
    if (isTag(view, at, 'VP8X')) size = { width: uint24(view, data + 4) + 1, height: uint24(view, data + 7) + 1 }
    else if (isTag(view, at, 'VP8L') && size === undefined) {
      const bits = view.getUint32(data + 1, true)
      size = { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 }
    } else if (isTag(view, at, 'VP8 ') && size === undefined) {
      size = { width: view.getUint16(data + 6, true) & 0x3fff, height: view.getUint16(data + 8, true) & 0x3fff }
    } else if (isTag(view, at, 'EXIF')) {
      const tiff = isTag(view, data, 'Exif') ? data + 6 : data
      orientation = tiffOrientation(view, tiff, data + length) ?? orientation
    } else if (isTag(view, at, 'ANIM')) return undefined
    at = data + length + (length % 2)
  }
  return size === undefined ? undefined : checked({ type: 'webp', ...size, orientation, whole })
}

function checked(header: ImageHeader): ImageHeader | undefined {
  return header.width > 0 && header.height > 0 ? header : undefined
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
}

function isTag(view: DataView, at: number, tag: string): boolean {
  if (at + tag.length > view.byteLength) return false
  for (let index = 0; index < tag.length; index++) {
    if (view.getUint8(at + index) !== tag.charCodeAt(index)) return false
  }
  return true
}

function startsWith(bytes: Uint8Array, at: number, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[at + index] === byte)
}
