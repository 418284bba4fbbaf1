// Uploads a file with tus-js-client, breaks off as often as it is told to, and goes on:
// node upload.mjs CLIENT ENDPOINT FILE BREAKS; prints the address of the upload.
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const [client, endpoint, file, breaks] = process.argv.slice(2);
const tus = await import(pathToFileURL(client));
const size = fs.statSync(file).size;
let left = Number(breaks);
let resumed = 0;

const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  uploadSize: size,
  chunkSize: Math.ceil(size / (2 * left + 1)),
  retryDelays: [100, 300, 1000],
  metadata: { filename: "网.onnx" },
  onShouldRetry: () => true,
  onProgress: async (sent) => {
    if (left > 0 && sent > (size * (resumed + 0.5)) / (Number(breaks) + 1)) {
      left -= 1;
      resumed += 1;
      await upload.abort();
      // A new stream: the old one has been read further than the server got.
      upload.file = fs.createReadStream(file);
      upload.start();
    }
  },
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, resumed })),
});
upload.start();
