module.exports = require('./build/Release/popcount.node')
