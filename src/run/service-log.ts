import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

const longestLine = 16_384
const keptLines = 12

/** The output of one service: every line goes to `log` behind the service's name, the last ones are kept for messages. */
export interface ServiceLog {
  follow(stream: Readable | null): void
  /** A line of Aval's own about the service. */
  say(line: string): void
  /** The last lines of the present process, newest last. */
  lastWords(): string
  /** Forgets the lines of the process before. */
  clear(): void
}

/** @param width characters that names are padded to, so that the lines of all services stand in one column. */
export function serviceLog(name: string, width: number, log: (line: string) => void): ServiceLog {
  const prefix = `${name.padEnd(width)} | `
  let kept: string[] = []
  const line = (text: string) => {
    const shown = text.length > longestLine ? `${text.slice(0, longestLine)}...` : text
    kept = [...kept.slice(1 - keptLines), shown]
    log(prefix + shown)
  }
  return {
    follow: (stream) => stream && splitLines(stream, line),
    say: (text) => log(prefix + text),
    lastWords: () => (kept.length === 0 ? '(it printed nothing)' : kept.join('\n    ')),
    clear: () => {
      kept = []
    },
  }
}

function splitLines(stream: Readable, line: (text: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) line(part.replace(/\r$/, ''))
    // A stream without line ends must not grow without bound.
    if (rest.length > longestLine) {
      line(rest)
      rest = ''
    }
  }
  stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)))
  stream.on('close', () => {
    take(decoder.end())
    if (rest !== '') line(rest)
    rest = ''
  })
}
