import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** A file of lines that begins anew and forgets by itself. */
export interface RotatingFile {
  /** Appends whole lines. */
  write(lines: string): void
  close(): void
}

/** What follows the name of a file that was put aside: when, with the colons replaced, which some file systems refuse. */
const stamp = /\.(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}Z)$/

/**
 * Opens a file for appending. Once its first line is `rotateAfterMs` old it is put aside under the time of that moment, and what
 * was put aside is deleted once its newest line is `keepMs` old: at the start, and whenever a file is put aside or an hour went by.
 * @throws what the file system says when the file cannot be written
 */
export function openRotatingFile(options: {
  path: string
  rotateAfterMs: number | undefined
  keepMs: number | undefined
  now: () => number
}): RotatingFile {
  const { path, rotateAfterMs, keepMs, now } = options
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true })
  let file = openSync(path, 'a', 0o640)
  let began = beginningOf(path, file) ?? now()
  let looked = now()

  const forget = () => {
    looked = now()
    if (keepMs === undefined) return
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(`${basename(path)}.`)) continue
      const closed = stamp.exec(name)?.[1]
      if (closed !== undefined && now() - Date.parse(moment(closed)) >= keepMs) unlinkSync(join(folder, name))
    }
  }
  const putAside = () => {
    closeSync(file)
    let at = now()
    while (existsSync(aside(path, at))) at++
    renameSync(path, aside(path, at))
    file = openSync(path, 'a', 0o640)
    began = now()
    forget()
  }
  forget()
  return {
    write: (lines) => {
      if (rotateAfterMs !== undefined && now() - began >= rotateAfterMs) {
        if (fstatSync(file).size > 0) putAside()
        else began = now()
      } else if (now() - looked >= 3_600_000) forget()
      let rest = Buffer.from(lines)
      while (rest.length > 0) rest = rest.subarray(writeSync(file, rest))
    },
    close: () => closeSync(file),
  }
}

const aside = (path: string, at: number) => `${path}.${new Date(at).toISOString().replaceAll(':', '-')}`
const moment = (text: string) => text.replace(/T(\d{2})-(\d{2})-/, 'T$1:$2:')

/** When the first line of a file that is there already was written; its own time where the line does not tell. */
function beginningOf(path: string, file: number): number | undefined {
  const { size, birthtimeMs } = fstatSync(file)
  if (size === 0) return undefined
  const reading = openSync(path, 'r')
  try {
    const start = Buffer.alloc(512)
    const length = readSync(reading, start)
    const told = /"time":(\d{12,14})/.exec(start.toString('utf8', 0, length))?.[1]
    return told === undefined ? birthtimeMs : Number(told)
  } finally {
    closeSync(reading)
  }
}
