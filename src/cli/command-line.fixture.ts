import { stripVTControlCharacters } from 'node:util'
import { systemClock } from '../clock.ts'
import { runProgram } from './program.ts'

export interface Printed {
  code: number
  out: string
  err: string
}

/** Runs one command line as a person in `cwd` would and returns all it printed, without its colours. */
export function commandLine(cwd: string, ...argv: string[]): Promise<Printed> {
  return printed(cwd, argv, new AbortController().signal)
}

/** Runs one command line that is interrupted before it does anything. */
export function interruptedCommandLine(cwd: string, ...argv: string[]): Promise<Printed> {
  return printed(cwd, argv, AbortSignal.abort('SIGINT'))
}

async function printed(cwd: string, argv: readonly string[], signal: AbortSignal): Promise<Printed> {
  const all: Printed = { code: 0, out: '', err: '' }
  const failed = await runProgram(argv, {
    cwd,
    home: cwd,
    clock: systemClock,
    signal,
    interactive: false,
    exitWith: (code) => {
      all.code = code
    },
    out: (text) => {
      all.out += stripVTControlCharacters(text)
    },
    err: (text) => {
      all.err += stripVTControlCharacters(text)
    },
  })
  return { ...all, code: failed ?? all.code }
}
