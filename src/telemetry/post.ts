import { type RequestOptions, request } from 'node:http'
import { request as requestByTls } from 'node:https'

/** Takes OTLP/HTTP. */
export interface Collector {
  address: string
  headers?: Readonly<Record<string, string>>
}

/** Longest a collector may take. */
const patienceMs = 10_000

/**
 * Sends JSON. Not by `fetch`, which takes four times the processor time for it, and so more than making what is sent.
 * @throws when it was not taken within 10 s
 */
export function post(collector: Collector, path: string, body: string): Promise<void> {
  const { address, headers } = collector
  const url = `${address.replace(/\/+$/, '')}${path}`
  const options: RequestOptions = {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    signal: AbortSignal.timeout(patienceMs),
  }
  return new Promise((resolve, reject) => {
    const outgoing = (url.startsWith('https:') ? requestByTls : request)(url, options, (answer) => {
      answer.on('error', reject)
      answer.on('end', () => {
        const { statusCode = 0 } = answer
        if (statusCode >= 200 && statusCode < 300) resolve()
        else reject(new Error(`telemetry: status ${statusCode}`))
      })
      answer.resume()
    })
    outgoing.on('error', (error) => {
      // A connection that waited for its next use may just have been ended by the other side, which then has not read this.
      const ended = outgoing.reusedSocket && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      if (ended) post(collector, path, body).then(resolve, reject)
      else reject(error)
    })
    outgoing.end(body)
  })
}
