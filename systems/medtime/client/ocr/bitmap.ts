/** Grey pixels, 0 is black and 255 white, row by row. */
export interface Bitmap {
  width: number
  height: number
  pixels: Uint8Array
}

/** Pixels of four bytes each: red, green, blue and how much covers what is behind. A canvas gives the same. */
export interface ColourPixels {
  width: number
  height: number
  data: Uint8Array | Uint8ClampedArray
}

/** More than the engine makes use of: letters of a photographed page are large enough below it. */
export const enginePixels = 4_000_000

/**
 * Grey, upright and small enough for the engine. What shrinks is averaged over the pixels that fall together.
 * @param orientation as Exif numbers it, 1 to 8
 * @param most pixels of the result
 */
export function prepareBitmap(image: ColourPixels, orientation: number, most = enginePixels): Bitmap {
  const scale = Math.min(1, Math.sqrt(most / (image.width * image.height)))
  const width = Math.max(1, Math.floor(image.width * scale))
  const height = Math.max(1, Math.floor(image.height * scale))
  const turned = orientation >= 5
  const result: Bitmap = {
    width: turned ? height : width,
    height: turned ? width : height,
    pixels: new Uint8Array(width * height),
  }
  const place = placesOf(orientation, width, height)
  const columns = bounds(image.width, width)
  for (let y = 0; y < height; y++) {
    const top = Math.floor((y * image.height) / height)
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * image.height) / height))
    for (let x = 0; x < width; x++) {
      const left = columns[x] ?? 0
      const right = Math.max(left + 1, columns[x + 1] ?? 0)
      result.pixels[place(x, y)] = greyOf(image, left, right, top, bottom)
    }
  }
  return result
}

/** Average brightness of a rectangle, over white where nothing covers it; the weights are those of ITU-R BT.601, in 256ths. */
function greyOf({ width, data }: ColourPixels, left: number, right: number, top: number, bottom: number): number {
  let total = 0
  for (let y = top; y < bottom; y++) {
    for (let at = (y * width + left) * 4, end = (y * width + right) * 4; at < end; at += 4) {
      const grey = ((data[at] ?? 0) * 77 + (data[at + 1] ?? 0) * 150 + (data[at + 2] ?? 0) * 29) >> 8
      const cover = data[at + 3] ?? 255
      total += cover === 255 ? grey : Math.round((grey * cover) / 255) + 255 - cover
    }
  }
  return Math.round(total / ((right - left) * (bottom - top)))
}

function bounds(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to + 1 }, (_, index) => Math.floor((index * from) / to))
}

/** Where a pixel of the picture as it lies in the file belongs in the upright one. */
function placesOf(orientation: number, width: number, height: number): (x: number, y: number) => number {
  switch (orientation) {
    case 2:
      return (x, y) => y * width + (width - 1 - x)
    case 3:
      return (x, y) => (height - 1 - y) * width + (width - 1 - x)
    case 4:
      return (x, y) => (height - 1 - y) * width + x
    case 5:
      return (x, y) => x * height + y
    case 6:
      return (x, y) => x * height + (height - 1 - y)
    case 7:
      return (x, y) => (width - 1 - x) * height + (height - 1 - y)
    case 8:
      return (x, y) => (width - 1 - x) * height + y
    default:
      return (x, y) => y * width + x
  }
}
