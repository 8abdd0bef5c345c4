/*
 * LevelDB for pouchdb-server whose writes are on disk before they are acknowledged. PouchDB passes no options to its writes, and leaves
 * them to the operating system otherwise.
 */
const leveldown = require('leveldown')

function levelWithSync(location) {
  const level = leveldown(location)
  for (const write of ['_put', '_del', '_batch']) {
    const original = level[write]
    level[write] = function (...args) {
      const options = args.at(-2)
      args[args.length - 2] = { ...options, sync: true }
      return original.apply(this, args)
    }
  }
  return level
}

levelWithSync.destroy = leveldown.destroy
module.exports = levelWithSync
