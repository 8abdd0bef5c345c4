import type { Clock } from '../clock.ts'
import type { EngineName, RecoveryEngine } from './engine.ts'
import { logicalEngine } from './logical/logical-engine.ts'
import { nativeEngine } from './native-engine.ts'
import { pgBackRestEngine } from './pgbackrest/pgbackrest-engine.ts'
import type { Repository } from './repository/repository.ts'

export interface OpenEngineOptions {
  /** `recovery.engine` of the plan. */
  name: EngineName
  /** Keeps the backups, or, for an engine that has a store of its own, what is known of them; its key is that of both. */
  repository: Repository
  /** Folder on this machine for what waits or is configured here; lost with the machine without harm. */
  folder: string
  clock: Clock
}

/** The engine a plan chose. */
export async function openEngine({ name, ...options }: OpenEngineOptions): Promise<RecoveryEngine> {
  switch (name) {
    case 'native':
      return nativeEngine(options)
    case 'logical':
      return logicalEngine(options)
    case 'pgbackrest':
      return pgBackRestEngine(options)
  }
}
