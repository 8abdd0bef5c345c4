import { createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { ApiError } from '../../http/api-error.ts'
import { sessionName } from '../../identity/session-ends.ts'
import type { Channel } from './channel.ts'

/** Streams of one user in one instance: more devices than anybody has. */
export const streamsOfUser = 10
/** Streams of one instance. */
const streamsInAll = 10_000
/** Shorter than the time after which proxies give up a silent connection. */
const heartbeatMs = 25_000
/** Longest a timer can wait. */
const longestTimerMs = 2_147_483_647

export interface NewStream {
  user: string
  device: string
  /** When the token ends, milliseconds since the epoch. */
  until: number
  /** The session of the token; undefined for one without. */
  session: string | undefined
  /** Whether that still goes on. */
  lives: () => Promise<boolean>
  /** The epoch of the user now. */
  epoch: () => Promise<number>
}

/** The open streams of an instance, and whom they tell. */
export interface Streams {
  /**
   * Makes room for a stream; of a device there is one, so that a new one takes the place of the old.
   * @throws ApiError TOO_MANY_STREAMS
   */
  claim(user: string, device: string): Promise<void>
  /** Sends the head of the answer and the first event, and goes on until its session or its token ends, the client leaves or the service stops. */
  open(stream: NewStream, response: ServerResponse, headers: Record<string, string>): Promise<void>
  /** Tells every device of the user, here and at the other instances. */
  changed(user: string, epoch: number): void
  close(): void
}

interface Open extends NewStream {
  /** What instances call its session. */
  name: string | undefined
  response: ServerResponse
  /** An event that waits until the client has taken the last. */
  waiting: string | undefined
}

/**
 * Instances tell each other a keyed hash of the user and the epoch: whoever listens on the channel learns no name.
 * @param key 32 bytes, the same for every instance
 */
export function createStreams(options: {
  key: () => Promise<Uint8Array>
  channel: Channel
  now: () => number
}): Streams {
  const { channel, now } = options
  const byUser = new Map<string, Map<string, Open>>()
  const names = new Map<string, string>()
  let key: Uint8Array | undefined
  void options.key().then(
    (found) => {
      key = found
    },
    () => undefined,
  )
  const nameOf = (user: string, secret: Uint8Array) =>
    createHmac('sha256', secret).update('medtime changes\0').update(user).digest().subarray(0, 16).toString('base64url')

  const all = () => [...byUser.values()].flatMap((devices) => [...devices.values()])
  const tell = (user: string, epoch: number) => {
    for (const stream of byUser.get(user)?.values() ?? []) write(stream, eventOf(epoch))
  }
  const remove = (stream: Open) => {
    const devices = byUser.get(stream.user)
    if (devices?.get(stream.device) !== stream) return
    devices.delete(stream.device)
    if (devices.size > 0) return
    byUser.delete(stream.user)
    for (const [name, user] of names) if (user === stream.user) names.delete(name)
  }
  const end = (stream: Open) => {
    remove(stream)
    stream.response.end()
  }
  /** Whatever the stream may have missed is one event, or its end. */
  const tellPresent = async (stream: Open) => {
    const lives = await stream.lives().catch(() => false)
    const epoch = lives ? await stream.epoch().catch(() => undefined) : undefined
    if (epoch === undefined) end(stream)
    else write(stream, eventOf(epoch))
  }

  channel.onText((text) => {
    const [name = '', epoch = ''] = text.split(':')
    const user = names.get(name)
    if (user !== undefined) tell(user, Number(epoch))
  })
  channel.onSessionEnd((name) => {
    for (const stream of all()) if (stream.name === name) end(stream)
  })
  channel.onGap(() => {
    // One after the other: many streams must not crowd out the requests.
    void (async () => {
      for (const stream of all()) await tellPresent(stream)
    })()
  })
  const beat = setInterval(() => {
    for (const stream of all()) {
      // Nothing was taken since the last beat or longer: the client is gone, or lets the answers pile up.
      if (stream.response.writableNeedDrain) stream.response.destroy()
      else stream.response.write(':\n\n')
    }
  }, heartbeatMs).unref()

  return {
    claim: async (user, device) => {
      key ??= await options.key()
      const devices = byUser.get(user)
      const present = devices?.get(device)
      if (present !== undefined) end(present)
      else if ((devices?.size ?? 0) >= streamsOfUser) throw new ApiError('TOO_MANY_STREAMS')
      else if (all().length >= streamsInAll) throw new ApiError('UNAVAILABLE')
    },
    open: async (asked, response, headers) => {
      const name = asked.session === undefined ? undefined : sessionName(asked.session)
      const stream: Open = { ...asked, name, response, waiting: undefined }
      const devices = byUser.get(asked.user) ?? new Map<string, Open>()
      const former = devices.get(asked.device)
      devices.set(asked.device, stream)
      former?.response.end()
      byUser.set(asked.user, devices)
      if (key !== undefined) names.set(nameOf(asked.user, key), asked.user)
      response.on('close', () => remove(stream))
      response.on('drain', () => {
        const { waiting } = stream
        stream.waiting = undefined
        if (waiting !== undefined) write(stream, waiting)
      })
      setTimeout(() => end(stream), Math.min(longestTimerMs, Math.max(0, asked.until - now()))).unref()
      response.writeHead(200, {
        ...headers,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      // What happened before the stream began is not known to the client: it is told once at the start. The stream was
      // entered above, so that nothing falls between.
      await tellPresent(stream)
    },
    changed: (user, epoch) => {
      tell(user, epoch)
      if (key !== undefined) channel.send(`${nameOf(user, key)}:${epoch}`)
    },
    close: () => {
      clearInterval(beat)
      for (const stream of all()) end(stream)
    },
  }
}

function eventOf(epoch: number): string {
  return `event: changed\ndata: {"epoch":${epoch}}\n\n`
}

/** Of many events a slow client gets the last: each says the same. */
function write(stream: Open, event: string): void {
  if (stream.response.writableNeedDrain) stream.waiting = event
  else stream.response.write(event)
}
