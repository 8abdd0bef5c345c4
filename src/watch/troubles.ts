/** What ails the sources of a watch, told to people. */
export interface TroubleListener {
  /** A source gave nothing; told again when the reason is another, or once it gave something in between. */
  trouble(what: string, error: unknown): void
  /** A source that was in trouble gives something again. */
  recovered(what: string): void
}

export interface Troubles {
  ails(what: string, error: unknown): void
  gives(what: string): void
}

/** A source that is down is read over and over: says so once, and once that it is over. */
export function followTroubles(listener: TroubleListener): Troubles {
  const told = new Map<string, string>()
  return {
    ails: (what, error) => {
      const says = String(error)
      if (told.get(what) === says) return
      told.set(what, says)
      listener.trouble(what, error)
    },
    gives: (what) => {
      if (told.delete(what)) listener.recovered(what)
    },
  }
}
