import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A host that is not the one that serves Lab, and that notes what it is asked for. */
export class Canary {
  private constructor(private readonly server: Server) {}

  readonly asked = new Set<string>();

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    // Lab is at 127.0.0.1: for a browser this is another host.
    return `http://localhost:${port}`;
  }

  static async start(): Promise<Canary> {
    const server = createServer((request, reply) => {
      canary.asked.add(request.url!.slice(1));
      reply.setHeader('Access-Control-Allow-Origin', '*').end('a,b\n1,2\n');
    });
    const canary = new Canary(server);
    await new Promise<void>(resolve =>
      server.listen(0, '127.0.0.1', () => resolve())
    );
    return canary;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }
}
