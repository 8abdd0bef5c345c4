import { request } from 'node:http'
import type { Random } from '../../random.ts'
import { spell, type Timeline, type Worker } from './timeline.ts'

/** What a network does to a request or its answer. */
export const networkFaults = [
  /** It never arrives. */
  'request-lost',
  /** The system has carried it out, and nobody hears of it. */
  'answer-lost',
  /** The connection is reset when half of the body has been sent. */
  'reset-in-body',
  /** The answer breaks off. */
  'answer-broken',
  /** The answer ends early and looks whole. */
  'answer-cut',
  /** It arrives twice, the second time soon after or much later. */
  'twice',
  /** A gateway says that nobody is there, without asking. */
  'unavailable',
  /** A gateway says that it took too long, and the system has carried it out. */
  'gateway-timeout',
  /** The answer takes minutes, longer than anybody waits. */
  'too-slow',
  /** It takes seconds. */
  'slow',
] as const
export type NetworkFault = (typeof networkFaults)[number]

/** The state of a device's network, asked anew at each request. */
export interface Weather {
  online(): boolean
  /** How likely a fault is at each request. */
  faultiness(): number
}

/** How long an app waits for an answer, milliseconds. */
const patienceMs = 30_000
const second = 1_000

/**
 * A network between a device and the real system. The request itself is real; when it arrives, when its answer is there, and whether
 * either gets through is simulated.
 * @param carry the real `fetch`, called at the simulated moment at which a request arrives
 */
export function createNetwork(options: {
  timeline: Timeline
  worker: Worker
  weather: Weather
  random: Random
  carry: typeof fetch
  /** Told of each fault. */
  met(fault: NetworkFault): void
}): typeof fetch {
  const { timeline, worker, weather, random, carry } = options
  const fails = (): never => {
    throw new TypeError('fetch failed')
  }
  const carried = async (url: string, init: RequestInit): Promise<Response> => {
    const response = await carry(url, init)
    const body = await response.arrayBuffer()
    const headers = new Headers(response.headers)
    // What it held when it was on the wire.
    for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) headers.delete(name)
    return new Response([204, 304].includes(response.status) ? null : body, { status: response.status, headers })
  }
  const network = async (url: string, init: RequestInit): Promise<Response> => {
    const flight = () => 20 + spell(random, 80)
    const waits = <T>(ms: number, work: () => Promise<T>) => worker.waits(timeline.now() + ms, work)
    const fault = !weather.online()
      ? 'offline'
      : random.next() < weather.faultiness()
        ? random.pick(networkFaults)
        : undefined
    if (fault !== undefined && fault !== 'offline') options.met(fault)
    const delivered = async (response: Response, ms = flight()) => waits(ms, async () => response)
    const arrived = () => waits(flight(), () => carried(url, init))
    switch (fault) {
      case undefined:
        return delivered(await arrived())
      case 'offline':
        return waits(1, async () => fails())
      case 'request-lost':
        return waits(random.next() < 0.5 ? 5 : patienceMs, async () => fails())
      case 'answer-lost':
        await arrived()
        return waits(random.next() < 0.5 ? 5 : patienceMs, async () => fails())
      case 'reset-in-body':
        return waits(flight(), async () => {
          await sendHalf(url, init)
          return fails()
        })
      case 'answer-broken':
        return delivered(await brokenOff(await arrived()))
      case 'answer-cut':
        return delivered(await cutShort(await arrived()))
      case 'twice': {
        const response = await arrived()
        const later = timeline.now() + (random.next() < 0.6 ? flight() : spell(random, 1_200 * second))
        timeline.at(later, async () => {
          // Whatever comes back, nobody is there to hear it.
          await carried(url, init).catch(() => undefined)
        })
        return delivered(response)
      }
      case 'unavailable':
        return delivered(await waits(flight(), async () => new Response('busy', { status: 503 })))
      case 'gateway-timeout':
        await arrived()
        return delivered(new Response('too late', { status: 504 }), 10 * second)
      case 'too-slow':
        await arrived()
        return waits(patienceMs, async () => fails())
      case 'slow':
        return delivered(await arrived(), spell(random, 6 * second))
    }
  }
  return (input, init = {}) => network(String(input), init)
}

async function brokenOff(response: Response): Promise<Response> {
  const body = new Uint8Array(await response.arrayBuffer())
  const half = body.slice(0, Math.floor(body.length / 2))
  const stream = new ReadableStream({
    start: (controller) => {
      controller.enqueue(half)
    },
    pull: (controller) => {
      controller.error(new TypeError('terminated'))
    },
  })
  return new Response(stream, { status: response.status, headers: response.headers })
}

async function cutShort(response: Response): Promise<Response> {
  const body = await response.arrayBuffer()
  return new Response(body.slice(0, Math.floor(body.byteLength / 2)), {
    status: response.status,
    headers: response.headers,
  })
}

/** Sends the head and half of the body, and resets the connection. Resolves once it is gone. */
async function sendHalf(url: string, init: RequestInit): Promise<void> {
  const whole = Buffer.from(await new Response(init.body ?? null).arrayBuffer())
  await new Promise<void>((resolve) => {
    const sent = request(url, {
      method: init.method ?? 'GET',
      headers: { ...Object.fromEntries(new Headers(init.headers)), 'content-length': String(whole.length) },
    })
    sent.on('error', () => undefined)
    sent.on('close', () => resolve())
    const reset = () => sent.socket?.resetAndDestroy() ?? sent.destroy()
    if (whole.length < 2) sent.end(reset)
    else sent.write(whole.subarray(0, Math.floor(whole.length / 2)), reset)
  })
}
