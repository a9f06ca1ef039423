"""Remote inputs: web servers, object stores, Common Crawl. Listed first, downloaded one by one when
read."""
