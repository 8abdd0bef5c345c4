import { stripVTControlCharacters } from 'node:util'
import { systemClock } from '../clock.ts'
import { runProgram } from './program.ts'

export interface Printed {
  code: number
  out: string
  err: string
}

/** Runs one command line as a person in `cwd` would and returns all it printed, without its colours. */
export async function commandLine(cwd: string, ...argv: string[]): Promise<Printed> {
  const printed: Printed = { code: 0, out: '', err: '' }
  const failed = await runProgram(argv, {
    cwd,
    home: cwd,
    clock: systemClock,
    signal: new AbortController().signal,
    interactive: false,
    exitWith: (code) => {
      printed.code = code
    },
    out: (text) => {
      printed.out += stripVTControlCharacters(text)
    },
    err: (text) => {
      printed.err += stripVTControlCharacters(text)
    },
  })
  return { ...printed, code: failed ?? printed.code }
}
