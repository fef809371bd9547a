import { register } from 'node:module'

// Loaded before a worker (node --import): the module that the plant names is loaded with its bug in it.

const name = process.env['MILENA_SIMULATION_PLANT']
if (name !== undefined) register('./plant-loader.js', { parentURL: import.meta.url, data: { name } })
