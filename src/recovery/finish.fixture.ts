import { systemClock } from '../clock.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { repositoryKey } from './cluster.fixture.ts'
import { directoryStore } from './directory-store.ts'
import { finishRestore } from './finish-restore.ts'
import { openRepository } from './repository.ts'

/** The end of a restore in a process of its own, for tests that kill it. Arguments: store, data directory. */
const [store = '', dataDirectory = ''] = process.argv.slice(2)
const server = await finishRestore({
  dataDirectory,
  binaries: await findBinaries('embedded'),
  clock: systemClock,
  afterRestore: [],
  database: 'postgres',
  owner: 'aval',
  repository: await openRepository({ store: directoryStore(store), key: repositoryKey, system: 'shop' }),
})
await server.stop()
