{
  "targets": [
    {
      "target_name": "popcount",
      "sources": ["src/popcount.c"]
    }
  ]
}
