import { resolve } from 'node:path'
import { systemClock } from '../clock.ts'
import type { CommandContext, ExitCode } from './command.ts'
import { runProgram } from './program.ts'

const interruption = new AbortController()
let exitCode: ExitCode = 0

// The first signal asks for a clean stop; a second one of the same kind ends the process as its default would.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort(signal))

// Whoever reads may have enough, as `head` has: what is under way goes on, and nobody is told.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

const context: CommandContext = {
  cwd: process.cwd(),
  home: resolve(import.meta.dirname, '../..'),
  clock: systemClock,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: interruption.signal,
  interactive: process.stderr.isTTY === true && process.env['CI'] === undefined,
  exitWith: (code) => {
    exitCode = code
  },
}

const failed = await runProgram(process.argv.slice(2), context)
process.exitCode = failed ?? exitCode
