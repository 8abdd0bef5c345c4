/*
 * The importer of the catalog runs, and never looks at a source.
 */
import { rewriteSource } from './source.ts'

rewriteSource('/services/catalog/keep-looking.ts', 'await look(source)', 'undefined')
