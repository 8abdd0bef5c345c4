import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import { reachable } from '../../postgres/place.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { createStandby } from '../../recovery/standby/create-standby.ts'
import { standbyName } from '../../recovery/wal/synchronous-names.ts'
import { prepareSystem } from '../../run/prepare-system.ts'
import type { ProofSession } from '../prover.ts'
import type { Machine } from '../recovery/machine.ts'
import type { Block } from './blocks.ts'
import { standInEdge, standInsFor } from './stand-ins.ts'

type Variables = Readonly<Record<string, string>>

/** What stands around a desk, each made when a block first asks for it. */
export interface Surroundings {
  /** Values for the variables of a block, as far as they are known here. */
  of(block: Block): Promise<Variables>
  /** Services whose place something else takes that only answers. */
  standIns: readonly string[]
  /** Takes away what belongs to one runbook, such as a standby that it promoted. */
  clear(): Promise<void>
}

/** @param more values of the system's own, such as a user who has rows */
export async function surroundingsOf(
  session: ProofSession,
  machine: Pick<Machine, 'environment' | 'operator' | 'storeDirectory'>,
  more: Variables,
): Promise<Surroundings> {
  const { clock, scratch, signal, system } = session
  const { plan } = system
  const { environment, operator, storeDirectory } = machine
  const { binaries, database, server } = environment
  const started = environment.addresses()
  const standIns = await standInsFor(plan, Object.keys(started), session)
  const administrator = (on: OwnedServer) => on.url({ database: database.name })
  const start = (dataDirectory: string, settings = {}) => startServer({ dataDirectory, binaries, clock, settings })
  const folder = async (name: string) => {
    const directory = await reachable(join(scratch.directory, name))
    await mkdir(directory, { recursive: true })
    return directory
  }

  let targets = 0
  let target: string | undefined
  let restored: OwnedServer | undefined
  const newTarget = async () => {
    restored = undefined
    target = await folder(`runbook-${++targets}`)
    return target
  }
  /** The server on the newest target, which a runbook starts by hand. */
  const onTarget = async (): Promise<OwnedServer> => {
    if (restored !== undefined) return restored
    const running = await start(target ?? (await newTarget()), plan.database?.settings ?? {})
    session.defer(() => running.stop('immediate'))
    restored = running
    return running
  }

  const undo: (() => Promise<void>)[] = []
  let copy: OwnedServer | undefined
  let standby: OwnedServer | undefined
  const made = {
    STANDBY: async () => {
      standby ??= await follow()
      return administrator(standby)
    },
    NEW_DATABASE_URL: async () => (await newDatabase()).owner,
    NEW_DB: async () => (await newDatabase()).administrator,
    EDGE: () => standInEdge(session),
  }
  let empty: { owner: string; administrator: string } | undefined
  const newDatabase = async () => {
    if (empty !== undefined) return empty
    if (plan.database === undefined) throw new RangeError('the system has no database')
    const next = await environment.launchServer(await folder(`runbook-empty-${++targets}`))
    undo.push(async () => {
      empty = undefined
      await next.stop('immediate')
    })
    const { name, ownerUrl } = await prepareSystem(next, system.name, plan.database, randomBytes(32))
    empty = { owner: ownerUrl, administrator: next.url({ database: name }) }
    return empty
  }
  const follow = async (): Promise<OwnedServer> => {
    const pairFile = join(scratch.directory, 'runbook-pair', 'pair.json')
    const { server: following } = await createStandby({
      primary: server,
      pairFile,
      directory: await folder(`runbook-standby-${++targets}`),
      synchronous: false,
      clock,
      start,
      log: () => undefined,
      signal,
    })
    undo.push(async () => {
      standby = undefined
      await following.stop('immediate')
      await withClient(server.url(), (client) =>
        client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
          standbyName,
        ]),
      )
      await rm(pairFile, { force: true })
    })
    return following
  }
  session.defer(async () => {
    for (const each of undo.splice(0).reverse()) await each()
  })

  /** A restored copy, so that what a block does to data leaves the system under test alone. */
  const copied = async (): Promise<OwnedServer> => {
    if (copy !== undefined) return copy
    const directory = await folder(`runbook-copy-${++targets}`)
    await operator.aval(`aval restore ${system.name} --at latest --to COPYDIRECTORY`, { COPYDIRECTORY: directory })
    const running = await start(directory, plan.database?.settings ?? {})
    undo.push(async () => {
      copy = undefined
      await running.stop('immediate')
    })
    copy = running
    return running
  }

  const urls = (on: OwnedServer): Variables => ({
    DB: administrator(on),
    ...Object.fromEntries(externals().map((name) => [name, administrator(on)])),
    ...Object.fromEntries(
      Object.entries(plan.services).flatMap(([service, { databaseRole }]) => {
        if (databaseRole === undefined) return []
        const url = new URL(environment.databaseUrl({ role: databaseRole }))
        url.port = String(on.port)
        return [[`${variableOf(service)}_DATABASE_URL`, url.href]]
      }),
    ),
  })
  const externals = () =>
    Object.values(plan.database?.servers ?? {}).flatMap((each) => (typeof each === 'object' ? [each.external] : []))

  return {
    standIns: Object.keys(standIns),
    of: async ({ text, given }) => {
      const asks = (name: string) => new RegExp(`\\b${name}\\b`).test(text)
      if (/\baval restore\b/.test(text) || target === undefined) await newTarget()
      const lazily: Record<string, string> = {}
      for (const [name, make] of Object.entries(made)) if (asks(name)) lazily[name] = await make()
      return {
        ...Object.fromEntries(
          Object.entries({ ...standIns, ...started }).map(([name, address]) => [
            variableOf(name),
            address.replace(/\/$/, ''),
          ]),
        ),
        ...urls(given?.copy === true ? await copied() : environment.server),
        DATA: environment.server.dataDirectory,
        STORE: storeDirectory,
        ENVIRONMENT: 'development',
        ...(target === undefined ? {} : { TARGET: target }),
        ...(asks('SCRATCH') ? { SCRATCH: administrator(await onTarget()) } : {}),
        ...lazily,
        ...more,
      }
    },
    clear: async () => {
      for (const each of undo.splice(0).reverse()) await each()
    },
  }
}

/** The variable that holds the address of a service. */
export function variableOf(service: string): string {
  return service.toUpperCase().replaceAll('-', '_')
}
