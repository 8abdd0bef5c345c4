import { findBinaries } from '../../postgres/binaries.ts'
import { specifyEngine } from '../engine.fixture.ts'
import { findClientTools } from './client-tools.ts'

const installed = await findBinaries('installed')
  .then(({ major }) => findClientTools(major))
  .catch(() => undefined)

specifyEngine({
  name: 'logical',
  servers: 'installed',
  skip: installed ? false : 'no Postgres with pg_dump is installed on this machine',
  store: 'repository/logical',
})
