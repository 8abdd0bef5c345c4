import type { Labels } from '../series.ts'
import type { Reading } from './reading.ts'

/** What a target may send at most; beyond it the whole answer is refused. */
export interface ExpositionLimits {
  bytes: number
  series: number
  labels: number
  /** Characters of a metric's name, of a label's name or value. */
  text: number
}

export const usualLimits: ExpositionLimits = { bytes: 10_000_000, series: 20_000, labels: 30, text: 1024 }

/** Names the line and never repeats it: what a target leaks must not come in through an error either. */
export class ExpositionError extends Error {
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
    this.name = 'ExpositionError'
  }
}

const metricName = /[a-zA-Z_:][\w:]*/y
const labelName = /[a-zA-Z_]\w*/y
const labelValue = /"((?:[^"\\\n]|\\.)*)"/y
const spaces = /[ \t]*/y
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Reads Prometheus's text format (0.0.4), strictly: one line that cannot be read refuses the whole. Moments that a target writes
 * are left out; a sample is of the time it was scraped. The reader remembers the labels of the last answer, so that an
 * unchanged series costs next to nothing.
 * @throws ExpositionError
 */
export function expositionReader(limits: ExpositionLimits): (text: string) => Reading[] {
  let known = new Map<string, Labels>()
  return (text) => {
    if (Buffer.byteLength(text) > limits.bytes) throw new ExpositionError(1, `more than ${limits.bytes} bytes`)
    const seen = new Map<string, Labels>()
    const readings: Reading[] = []
    let number = 0
    for (const raw of text.split('\n')) {
      number += 1
      const line = raw.trim()
      if (line === '' || line.startsWith('#')) continue
      const head = headOf(line, number)
      const labels = known.get(head) ?? readHead(head, number, limits)
      if (seen.has(head)) throw new ExpositionError(number, 'the series is there twice')
      seen.set(head, labels)
      readings.push({ labels, value: readValue(line.slice(head.length), number) })
      if (readings.length > limits.series) throw new ExpositionError(number, `more than ${limits.series} series`)
    }
    known = seen
    return readings
  }
}

/** Name and labels, as they are written. */
function headOf(line: string, number: number): string {
  const space = line.search(/[ \t{]/)
  if (space === -1) throw new ExpositionError(number, 'there is no value')
  const open = line.slice(space).trimStart().startsWith('{')
  return open ? line.slice(0, closingBrace(line, number) + 1) : line.slice(0, space)
}

function closingBrace(line: string, number: number): number {
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const each = line[at]
    if (quoted && each === '\\') at += 1
    else if (each === '"') quoted = !quoted
    else if (each === '}' && !quoted) return at
  }
  throw new ExpositionError(number, 'the labels do not end')
}

function readHead(head: string, number: number, limits: ExpositionLimits): Labels {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(head)
    if (!found) return undefined
    at += found[0].length
    return found[1] ?? found[0]
  }
  const limited = (text: string | undefined, what: string): string => {
    if (text === undefined) throw new ExpositionError(number, `${what} cannot be read`)
    if (text.length > limits.text) throw new ExpositionError(number, `${what} is longer than ${limits.text}`)
    return text
  }
  const labels: Record<string, string> = { __name__: limited(take(metricName), 'the name') }
  take(spaces)
  if (at === head.length) return labels
  at += 1
  for (take(spaces); head[at] !== '}'; take(spaces)) {
    const name = limited(take(labelName), 'the name of a label')
    take(spaces)
    if (head[at] !== '=') throw new ExpositionError(number, 'a label has no value')
    at += 1
    take(spaces)
    const value = unescaped(limited(take(labelValue), 'the value of a label'))
    if (Object.hasOwn(labels, name)) throw new ExpositionError(number, 'a label is there twice')
    if (value !== '') labels[name] = value
    if (Object.keys(labels).length > limits.labels + 1) {
      throw new ExpositionError(number, `more than ${limits.labels} labels`)
    }
    take(spaces)
    if (head[at] === ',') at += 1
    else if (head[at] !== '}') throw new ExpositionError(number, 'labels are parted by commas')
  }
  return labels
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (whole, each: string) => (each === 'n' ? '\n' : /["\\]/.test(each) ? each : whole))
}

function readValue(rest: string, number: number): number {
  const [value = '', moment, ...more] = rest.trim().split(/[ \t]+/)
  if (more.length > 0 || (moment !== undefined && !/^-?\d+$/.test(moment))) {
    throw new ExpositionError(number, 'there is more than a value and its moment')
  }
  if (decimal.test(value)) return Number(value)
  const word = value.toLowerCase()
  if (word === 'nan') return Number.NaN
  if (/^\+?inf(inity)?$/.test(word)) return Infinity
  if (/^-inf(inity)?$/.test(word)) return -Infinity
  throw new ExpositionError(number, 'the value is not a number')
}
