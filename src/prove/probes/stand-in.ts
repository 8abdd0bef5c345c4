import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { z } from 'zod'
import type { Probe } from '../../plan/probes.ts'
import type { ProbeWorld } from '../../watch/scrape/probes/ask.ts'
import { makeCertificates } from './certificates.ts'
import type { HeldClock } from './held-clock.ts'

/** Ways in which the target of a probe is not well. */
export type Trouble = 'down' | 'slow' | 'wrong status' | 'wrong text' | 'not trusted' | 'expired' | 'silent'

/** A probe that asks; one that waits to be told has no target. */
export type AskingProbe = Exclude<Probe, { heartbeat: number }>

/** The target of a probe on loopback, well or in trouble as wanted. */
export interface StandIn {
  /** The probe of the plan, pointed at it. */
  probe: Probe
  world: ProbeWorld
  /** Whether the target itself is asked while it is well. */
  isReal: boolean
  /** What can be wrong with such a target. */
  troubles: readonly Trouble[]
  be(what: 'well' | Trouble): void
  /** What such a target does by itself before it is asked. */
  ready?(): Promise<void>
  /** Of a job that tells by itself: what only it can get wrong. @returns the breach */
  tellsTimes?(): Promise<string | undefined>
  /** Resolves once a slow one has been reached and keeps its silence. */
  reached(): Promise<unknown>
  close(): Promise<void>
}

/** The real thing, where this machine has it. */
export interface RealTargets {
  /** Base address of the service a probe names. */
  service?: string
  database?: string
}

/**
 * @param real is asked while it is well; troubles are those of stand-ins.
 * @throws when a certificate is wanted and there is no openssl
 */
export async function openStandIn(
  name: string,
  probe: AskingProbe,
  real: RealTargets,
  clock: HeldClock,
): Promise<StandIn> {
  const listeners: Server[] = []
  const deaf = new Set<Socket>()
  let reached = Promise.withResolvers<void>()
  const listen = async (server: Server): Promise<string> => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    listeners.push(server)
    return addressOf(server)
  }
  const silent = await listen(
    createServer((socket) => {
      deaf.add(socket)
      socket.on('error', () => deaf.delete(socket))
      reached.resolve()
    }),
  )
  const nobody = await desertedAddress()
  const { wells, probeAt, world, more } = await targetsOf(name, probe, real, clock, listen)
  const addresses = new Map<'well' | Trouble, string>([...wells, ['down', nobody], ['slow', silent]])
  let state: 'well' | Trouble = 'well'
  const where = () => addresses.get(state) ?? ''
  return {
    probe: probeAt(where),
    world: world(where),
    isReal: real.service !== undefined || real.database !== undefined,
    troubles: [...('tcp' in probe ? (['down'] as const) : (['down', 'slow'] as const)), ...more],
    be: (what) => {
      state = what
      reached = Promise.withResolvers()
      for (const socket of deaf) socket.destroy()
      deaf.clear()
    },
    reached: () => reached.promise,
    close: async () => {
      for (const socket of deaf) socket.destroy()
      await Promise.all(
        listeners.map(async (server) => {
          if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
            server.closeAllConnections()
          server.close()
          await once(server, 'close')
        }),
      )
    },
  }
}

interface Targets {
  /** `host:port`, or an address where the real thing has one. */
  wells: readonly ['well' | Trouble, string][]
  probeAt(where: () => string): AskingProbe
  world(where: () => string): ProbeWorld
  more: readonly Trouble[]
}

async function targetsOf(
  name: string,
  probe: AskingProbe,
  real: RealTargets,
  clock: HeldClock,
  listen: (server: Server) => Promise<string>,
): Promise<Targets> {
  const plain: ProbeWorld = {
    serviceUrl: () => '',
    databaseUrl: () => '',
    silentMs: () => undefined,
    authorities: undefined,
    clock,
  }
  if ('http' in probe) {
    const says = (status: number, text: string) =>
      listen(createHttp((_, response) => response.writeHead(status, { connection: 'close' }).end(text)))
    const text = `${probe.contains ?? ''}`
    const path = probe.service === undefined ? new URL(probe.http) : undefined
    const http = path === undefined ? probe.http : `${path.pathname}${path.search}`
    return {
      wells: [
        ['well', real.service ?? (await says(probe.status, text))],
        ['wrong status', await says(probe.status === 503 ? 500 : 503, text)],
        ['wrong text', await says(probe.status, '')],
      ],
      probeAt: () => ({ ...probe, http, service: probe.service ?? name }),
      world: (where) => ({ ...plain, serviceUrl: () => (where().includes('://') ? where() : `http://${where()}`) }),
      more: probe.contains === undefined ? ['wrong status'] : ['wrong status', 'wrong text'],
    }
  }
  if ('sql' in probe) {
    return {
      wells: [['well', real.database ?? '']],
      probeAt: () => probe,
      world: (where) => ({
        ...plain,
        databaseUrl: () => (where().includes('://') ? where() : `postgresql://nobody@${where()}/none`),
      }),
      more: [],
    }
  }
  if ('tcp' in probe) {
    return {
      wells: [['well', await listen(createServer((socket) => socket.on('error', () => {}).end()))]],
      probeAt: (where) => ({
        ...probe,
        get tcp() {
          return where()
        },
      }),
      world: () => plain,
      more: [],
    }
  }
  const { good, stranger, expired, authorities } = await makeCertificates()
  const shows = (certificate: { key: string; cert: string }) =>
    listen(createTls(certificate, (socket) => socket.on('error', () => {}).end()))
  return {
    wells: [
      ['well', await shows(good)],
      ['not trusted', await shows(stranger)],
      ['expired', await shows(expired)],
    ],
    probeAt: (where) => ({
      ...probe,
      get tls() {
        return where()
      },
    }),
    world: () => ({ ...plain, authorities }),
    more: ['not trusted', 'expired'],
  }
}

/** Where nobody listens: it was given out by the system and let go. */
async function desertedAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = addressOf(server)
  server.close()
  await once(server, 'close')
  return address
}

function addressOf(server: Server): string {
  const { port } = z.object({ port: z.int() }).parse(server.address())
  return `127.0.0.1:${port}`
}
