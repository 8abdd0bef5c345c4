import type { Call } from '../sync/load.ts'

export interface Answered {
  status: number
  body: Buffer
}

/** Sends one call outside of what is measured, and takes any answer. */
export async function ask(address: string, { method, path, headers, body }: Call): Promise<Answered> {
  const response = await fetch(`${address}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) }
}

/** Sends one call outside of what is measured. Rejects unless its answer says yes. */
export async function settle(address: string, call: Call): Promise<Buffer> {
  const { status, body } = await ask(address, call)
  if (status !== (call.yes ?? 200)) throw new Error(`${call.method} ${call.path} answered ${status}: ${body}`)
  call.done?.(body.toString('utf8'))
  return body
}

/** Sends JSON outside of what is measured and gives the answer as JSON. Rejects unless it is a 2xx. */
export async function json(url: string, init: { method: string; headers?: Record<string, string>; body: unknown }) {
  const response = await fetch(url, {
    method: init.method,
    headers: { 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify(init.body),
  })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(`${init.method} ${url} answered ${response.status}: ${JSON.stringify(answer)}`)
  return answer
}
