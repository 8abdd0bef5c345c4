/** Wakes a loop that waits for something to do. A ring while nobody waits is kept for the next wait. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, or after `ms`. */
  wait(ms?: number): Promise<void>
}

export function makeBell(): Bell {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring: () => {
      rung = true
      wake?.()
    },
    wait: async (ms) => {
      if (!rung) {
        let timer: NodeJS.Timeout | undefined
        await new Promise<void>((resolve) => {
          wake = resolve
          if (ms !== undefined) timer = setTimeout(resolve, Math.max(0, ms))
        })
        clearTimeout(timer)
        wake = undefined
      }
      rung = false
    },
  }
}
