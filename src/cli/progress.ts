import { styleText } from 'node:util'
import type { Evidence } from '../ledger/evidence.ts'
import type { CommandContext } from './command.ts'

export interface Progress {
  step(subject: string, step: string): void
  /** Lines of servers and services: shown only when asked for with AVAL_DEBUG. */
  log(line: string): void
  concluded(evidence: Evidence): void
  end(): void
}

const marks = { proven: ['green', '✔'], refuted: ['red', '✖'], inconclusive: ['yellow', '?'] } as const

/** What a long run is doing: on a terminal one line that changes, elsewhere a line for each verdict. */
export function showProgress(context: CommandContext): Progress {
  const startedAt = context.clock.now()
  let shown = false
  const clear = () => {
    if (shown) context.err('\r\u001b[2K')
    shown = false
  }
  return {
    step: (subject, step) => {
      if (!context.interactive) return
      clear()
      const seconds = String(Math.round((context.clock.now() - startedAt) / 1000)).padStart(3)
      context.err(`${seconds} s  ${subject}: ${step}`.slice(0, (process.stderr.columns ?? 80) - 1))
      shown = true
    },
    log: (line) => {
      if (process.env['AVAL_DEBUG'] !== undefined) context.err(`${line}\n`)
    },
    concluded: ({ verdict, guarantee, reason }) => {
      clear()
      const [colour, mark] = marks[verdict]
      context.err(`${context.interactive ? styleText(colour, mark) : mark} ${guarantee}  ${reason}\n`)
    },
    end: clear,
  }
}
