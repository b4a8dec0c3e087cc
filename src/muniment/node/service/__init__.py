"""The process of a node's application: `process` its way in and out, `assembly` all its parts, `observing` how it stands,
`ending` what its supervisor hears when it cannot go on."""
