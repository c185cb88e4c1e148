def test_x(web):
    web.post("/webhooks/bokun")
    print(web.get("/metrics").text)
    print(web.get("/").status_code)
