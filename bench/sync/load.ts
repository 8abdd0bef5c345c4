import { Agent, request } from 'node:http'

/** A request to be repeated; `body` is asked anew for each. */
export interface Target {
  address: string
  method: 'GET' | 'POST'
  /** Path and headers of the n-th request. */
  next(n: number): { path: string; headers: Record<string, string>; body: string | undefined }
}

export interface Measured {
  /** Milliseconds of each answered request. */
  latencies: number[]
  seconds: number
}

/**
 * Keeps `connections` requests in flight for a time, each connection sending its next request when the last was answered.
 * Rejects at the first answer other than 200.
 */
export async function load(target: Target, connections: number, seconds: number): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies: number[] = []
  let count = 0
  const started = performance.now()
  const end = started + seconds * 1000
  const worker = async () => {
    while (performance.now() < end) {
      const { path, headers, body } = target.next(count++)
      const sent = performance.now()
      await exchange(agent, `${target.address}${path}`, target.method, headers, body)
      latencies.push(performance.now() - sent)
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, worker))
  } finally {
    agent.destroy()
  }
  return { latencies, seconds: (performance.now() - started) / 1000 }
}

function exchange(
  agent: Agent,
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answered ${answer.statusCode}`))
      answer.on('error', reject)
      answer.on('end', resolve)
      answer.resume()
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
