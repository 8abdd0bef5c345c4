/*
 * Text drawn without a font file: each letter is a few strokes of a round pen. A prescription drawn so is read by the engine as a
 * printed one would be, and nothing about it was ever a person's.
 */

/** Grey pixels, white is 255, row by row. */
export interface Drawing {
  width: number
  height: number
  pixels: Uint8Array
}

/**
 * Strokes of each letter: pairs of digits are the points of a stroke, x from 0 and y from 0 (top of an ascender) over 2 (top of
 * `x`) and 6 (base line) to 8 (bottom of `p`).
 */
const strokes: Readonly<Record<string, string>> = {
  a: '12324346 44341405061636',
  b: '0006 0312324345361605',
  c: '4332120305163645',
  d: '4046 4332120305163645',
  e: '04444332120305163645',
  f: '30201116 0232',
  g: '42473818 4332120305163645',
  h: '0006 0312324346',
  i: '1216 1010',
  j: '22271808 2020',
  k: '0006 3204 1436',
  l: '10152636',
  m: '0206 03122226 23324246',
  n: '0206 0312324346',
  o: '120305163645433212',
  p: '0208 0312324345361605',
  q: '4248 4332120305163645',
  r: '0206 04132232',
  s: '4212031434453606',
  t: '10152636 0232',
  u: '0205163645 4246',
  v: '022642',
  w: '0216223642',
  x: '0246 4206',
  y: '0226 421808',
  z: '02420646',
  A: '062046 1434',
  B: '00304132033344453606 0006',
  C: '4130100105163645',
  D: '00062645412000',
  E: '40000646 0333',
  F: '400006 0333',
  G: '41301001051636454323',
  H: '0006 4046 0343',
  I: '1016',
  J: '3035261605',
  L: '000646',
  M: '0600244046',
  N: '06004640',
  O: '100105163645413010',
  P: '06003041423303',
  R: '06003041423303 2346',
  S: '4130100102133344453606',
  T: '0040 2026',
  U: '000516364540',
  V: '002640',
  X: '0046 4006',
  Z: '00400646',
  0: '100105163645413010',
  1: '012026',
  2: '01103041420646',
  3: '01103041423313 334445361605',
  4: '36300444',
  5: '400003334445361605',
  6: '4030100105163645443303',
  7: '004026',
  8: '1001021333444536160504133342413010',
  9: '0616364541301001021343',
  '.': '1616',
  ',': '1607',
  ':': '1313 1616',
  '-': '0434',
  '/': '3006',
  '´': '2130',
  ' ': '',
}

const accented: Readonly<Record<string, string>> = { á: 'a', é: 'e', í: 'i', ó: 'o', ú: 'u' }

/**
 * Lines of text in black on white.
 * @param height of a line in pixels, of which an upright letter takes half
 */
export function drawText(lines: readonly string[], height = 64): Drawing {
  const unit = height / 12
  const advance = 6 * unit
  const width = Math.ceil((Math.max(1, ...lines.map((line) => line.length)) + 4) * advance)
  const total = Math.ceil((lines.length + 1) * height)
  const drawing: Drawing = { width, height: total, pixels: new Uint8Array(width * total).fill(255) }
  for (const [row, line] of lines.entries()) {
    for (const [column, letter] of [...line.normalize('NFC')].entries()) {
      const left = (column + 2) * advance
      const top = (row + 0.75) * height
      const base = accented[letter]
      drawLetter(drawing, base ?? letter, left, top, unit)
      if (base !== undefined) drawLetter(drawing, '´', left, top, unit)
    }
  }
  return drawing
}

function drawLetter(drawing: Drawing, letter: string, left: number, top: number, unit: number): void {
  const drawn = strokes[letter]
  if (drawn === undefined) throw new RangeError('this letter is not drawn here')
  for (const stroke of drawn.split(' ').filter((part) => part !== '')) {
    const points = [...stroke.matchAll(/(\d)(\d)/g)].map(([, x, y]) => ({
      x: left + Number(x) * unit,
      y: top + Number(y) * unit,
    }))
    for (const [index, from] of points.entries()) drawLine(drawing, from, points[index + 1] ?? from, unit * 0.5)
  }
}

interface Point {
  x: number
  y: number
}

/** A line with round ends; the edge is shaded by how much of a pixel it covers. */
function drawLine({ width, height, pixels }: Drawing, from: Point, to: Point, radius: number): void {
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = dx * dx + dy * dy
  const bottom = Math.min(height - 1, Math.ceil(Math.max(from.y, to.y) + radius + 1))
  const right = Math.min(width - 1, Math.ceil(Math.max(from.x, to.x) + radius + 1))
  for (let y = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius - 1)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius - 1)); x <= right; x++) {
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / length))
      const distance = Math.hypot(x - from.x - along * dx, y - from.y - along * dy)
      const covered = Math.min(1, Math.max(0, radius + 0.5 - distance))
      const at = y * width + x
      pixels[at] = Math.min(pixels[at] ?? 255, Math.round(255 * (1 - covered)))
    }
  }
}
