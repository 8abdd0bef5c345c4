/** What one asking found; `reason` is of Aval's own words and never repeats what was answered. */
export interface ProbeOutcome {
  ok: boolean
  reason: string | undefined
  tookMs: number
  /** Of a certificate: days until it expires, negative after. */
  certificateDays?: number
}

export const dayMs = 86_400_000

/** Splits `host:port`; an IPv6 address stands in brackets. */
export function hostAndPort(text: string): { host: string; port: number } {
  const { hostname, port } = new URL(`tcp://${text}`)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
}
