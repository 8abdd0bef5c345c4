import { systemClock } from '../../clock.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { repositoryKey } from '../cluster.fixture.ts'
import { openRepository } from '../repository/repository.ts'
import { finishRestore } from '../restore/finish-restore.ts'
import { directoryStore } from '../stores/directory-store.ts'

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
