// CloudFront Function (runtime 2.0) on every request to /api/*.
//
// The API sees CloudFront's own host and address. It is told the viewer's in two
// headers, which are always overwritten: what a viewer sends under these names
// never arrives.
function handler(event) {
  const request = event.request;
  const host = request.headers.host;
  delete request.headers['x-viewer-host'];
  if (host && host.value) {
    request.headers['x-viewer-host'] = { value: host.value };
  }
  request.headers['x-viewer-address'] = { value: event.viewer.ip };
  return request;
}
