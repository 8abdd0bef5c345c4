import { specifyEngine } from './engine.fixture.ts'

specifyEngine({ name: 'native', servers: 'embedded', skip: false, store: 'repository/backups' })
