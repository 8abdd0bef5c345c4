import { findBinaries } from '../../postgres/binaries.ts'
import { runToEnd } from '../../process.ts'
import { specifyEngine } from '../engine.fixture.ts'

const pgbackrest = await runToEnd({ program: 'pgbackrest', args: ['version'] }).catch(() => undefined)
const installed = await findBinaries('installed').catch(() => undefined)

specifyEngine({
  name: 'pgbackrest',
  servers: 'installed',
  skip: pgbackrest && installed ? false : 'pgbackrest or Postgres is not installed on this machine',
  store: 'repository.pgbackrest/backup',
})
