import type { Labels } from '../series.ts'

/** One figure as its source gives it; `__name__` holds the name of the metric. A source that gives the same figure again may give the same object of labels. */
export interface Reading {
  labels: Labels
  value: number
}

/** Where figures come from: read at its own pace, never twice at once. */
export interface Target {
  /** Goes into every series as `job`. */
  job: string
  /** Goes into every series as `instance`. */
  instance: string
  everyMs: number
  /** When no answer counts as none; shorter than `everyMs`. */
  timeoutMs: number
  /** Whether Aval measures it: then names that begin with `aval_` or `probe_` are its own; everything else passes the allow-list of the plan. */
  own: boolean
  /** @throws when there is nothing to read; the message must not repeat what the target said. */
  read(signal: AbortSignal): Promise<readonly Reading[]>
}

export function reading(name: string, value: number, labels: Labels = {}): Reading {
  return { labels: { __name__: name, ...labels }, value }
}
