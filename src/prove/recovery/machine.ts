import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { AvalError } from '../../errors.ts'
import { howToOffer, missingExtension } from '../../postgres/migrations/missing-extension.ts'
import { openRepository, type Repository } from '../../recovery/repository/repository.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import type { Store } from '../../recovery/stores/store.ts'
import { receiverOptionsOf } from '../../recovery/wal/receiver-plan.ts'
import { slotName, startWalReceiver, type WalReceiver } from '../../recovery/wal/wal-receiver.ts'
import { repositoryDirectory, repositoryKeyFile } from '../../run/archive.ts'
import type { Environment } from '../../run/environment.ts'
import { writeRunState } from '../../run/run-state.ts'
import { loadOrCreateKey } from '../../secrets/repository-key.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import { makeOperator, type Operator } from './operator.ts'
import { ScenarioUnready } from './scenario-error.ts'
import { severable } from './severable-store.ts'

/** A system that serves on one machine, its archive, and whoever operates it. */
export interface Machine {
  operator: Operator
  environment: Environment
  /** The repository as whoever recovers opens it. */
  repository: Repository
  storeDirectory: string
  keyFile: string
  /** Opens the repository over another store, such as a damaged copy. */
  open(store: Store): Promise<Repository>
  /** The receiver that brings the WAL, started again when none runs. */
  archive(): Promise<WalReceiver>
  /** From now on nothing that runs on the machine reaches the store. */
  sever(): void
  /** Ends the receiver, whether it could store what it holds or not. */
  stopArchive(): Promise<void>
  /** Tells the operator's commands which server runs now, and where its data lie. */
  announce(): void
}

/** The machine of a session, without anybody who works with it. Made once. */
export const machineOf = oncePerSession(async (session: ProofSession): Promise<Machine> => {
  const { clock, scratch, system } = session
  const { engine } = system.plan.recovery
  // A site is made of a base backup, WAL and moments; what other engines promise is measured where they are tried.
  if (engine !== 'native') throw new ScenarioUnready(`Scenarios run on the native engine; the plan chose ${engine}`)
  const environment = await session
    .steps('recovery')
    .do('system up and migrated', () => scratch.environment().catch(withoutDatabase))
  const operator = await makeOperator({ system, root: join(scratch.directory, 'operator') })
  const storeDirectory = repositoryDirectory(operator.project, system.name)
  const keyFile = repositoryKeyFile(operator.project, system.name)
  const key = await loadOrCreateKey(keyFile)
  const open = (store: Store) => openRepository({ store, key, system: system.name })
  const repository = await open(directoryStore(storeDirectory))

  let reached = severable(repository.store)
  let receiver: WalReceiver | undefined
  const machine: Machine = {
    operator,
    environment,
    repository,
    storeDirectory,
    keyFile,
    open,
    archive: async () => {
      if (receiver) return receiver
      reached = severable(machine.repository.store)
      receiver = await startWalReceiver({
        url: environment.server.url(),
        repository: await open(reached.store),
        spool: spoolOf(machine),
        slot: slotName(system.name),
        clock,
        heartbeatMs: 1_000,
        ...receiverOptionsOf(system.plan.recovery, environment.server.url(), () => undefined),
      })
      return receiver
    },
    stopArchive: async () => {
      const stopping = receiver
      receiver = undefined
      await stopping?.stop()
    },
    sever: () => reached.sever(),
    announce: () => {
      const place = join(machine.operator.directory, 'database')
      if (place !== environment.server.dataDirectory) {
        rmSync(place, { force: true })
        symlinkSync(environment.server.dataDirectory, place)
      }
      writeRunState(machine.operator.project, environment, machine.storeDirectory)
    },
  }
  session.defer(machine.stopArchive)
  return machine
})

/** A schema that cannot be made has nothing to recover: what that says of the migrations their own proof tells. */
function withoutDatabase(error: unknown): never {
  if (!(error instanceof AvalError) || !error.code.startsWith('MIGRATION')) throw error
  const missing = missingExtension(error)
  const next = missing === undefined ? 'Prove migration first, and mend what it names' : howToOffer(missing)
  throw new ScenarioUnready(`The database could not be made: ${error.message}`, { cause: error, next })
}

/** Where WAL waits for the store of a machine. */
export function spoolOf({ operator }: Pick<Machine, 'operator'>): string {
  return join(operator.directory, 'spool')
}
