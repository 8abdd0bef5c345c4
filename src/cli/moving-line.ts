import type { CommandContext } from './command.ts'

/** One line on a terminal that says what is happening now; nothing elsewhere. */
export function moving(context: CommandContext): { show(text: string): void; end(): void } {
  let shown = false
  let last = Number.NEGATIVE_INFINITY
  const clear = () => {
    if (shown) context.err('\r\u001b[2K')
    shown = false
  }
  return {
    show: (text) => {
      const now = context.clock.now()
      if (!context.interactive || now - last < 100) return
      last = now
      clear()
      context.err(text.slice(0, (process.stderr.columns ?? 80) - 1))
      shown = true
    },
    end: clear,
  }
}
