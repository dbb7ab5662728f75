"""Tags: revalidated by HEAD after their time, stale rather than nothing when the upstream fails."""

import time
import unittest

from harness import MirrorTest, PEER

TTL = 1.0


class Tags(MirrorTest):
    flags = ("--tag-ttl", "1s")

    def setUp(self):
        if PEER != "longshore":
            raise unittest.SkipTest("longshore only")
        super().setUp()
        self.one = self.hub.image("team/tags", "moving", [1000], "one")
        self.two = self.hub.image("team/tags", "other", [1000], "two")
        self.hub.tag("team/tags", "moving", self.one)

    def moving(self):
        answer = self.mirror.manifest("moving", "team/tags")
        self.assertEqual(answer.status, 200, answer.body[:300])
        return answer.headers["Docker-Content-Digest"]

    def counted(self):
        return self.hub.counts()["manifests"].get("team/tags:moving", {})

    def test_a_fresh_tag_asks_nobody(self):
        self.assertEqual(self.moving(), self.one)
        asked = self.counted()
        self.assertEqual(self.moving(), self.one)

        self.assertEqual(self.counted(), asked)

    def test_an_old_tag_is_asked_about_by_head_only(self):
        self.moving()
        gets = self.counted().get("get", 0)
        heads = self.counted().get("head", 0)
        time.sleep(TTL + 0.2)

        self.assertEqual(self.moving(), self.one)
        self.assertEqual(self.counted().get("get", 0), gets)
        self.assertEqual(self.counted().get("head", 0), heads + 1)

    def test_a_moved_tag_is_seen_after_its_time(self):
        self.assertEqual(self.moving(), self.one)
        self.hub.tag("team/tags", "moving", self.two)
        self.assertEqual(self.moving(), self.one)
        time.sleep(TTL + 0.2)

        self.assertEqual(self.moving(), self.two)

    def test_an_old_tag_is_served_while_the_upstream_fails(self):
        self.moving()
        time.sleep(TTL + 0.2)
        faults = {"limited": {"status": 429, "headers": {"Retry-After": "60"}}, "broken": {"status": 503}}
        for name, fault in faults.items():
            with self.subTest(name):
                self.hub.clear_faults()
                self.hub.fault("status", where="front", **fault)
                self.assertEqual(self.moving(), self.one)
        self.hub.clear_faults()
        self.hub.stop()
        self.assertEqual(self.moving(), self.one)

    def test_a_spent_limit_is_not_hammered(self):
        self.moving()
        time.sleep(TTL + 0.2)
        self.hub.fault("status", where="front", status=429, headers={"Retry-After": "60"})
        for _ in range(5):
            self.assertEqual(self.moving(), self.one)

        refused = [entry for entry in self.hub.log("front", part="moving") if entry["status"] == 429]
        self.assertLessEqual(len(refused), 2)

    def test_an_upstream_without_digests_is_revalidated_by_get(self):
        self.hub.fault("no_digest", where="front")
        self.assertEqual(self.moving(), self.one)
        self.hub.tag("team/tags", "moving", self.two)
        time.sleep(TTL + 0.2)

        self.assertEqual(self.moving(), self.two)

    def test_a_manifest_by_digest_is_never_asked_about_again(self):
        self.assertEqual(self.mirror.manifest(self.one, "team/tags").status, 200)
        time.sleep(TTL + 0.2)
        self.assertEqual(self.mirror.manifest(self.one, "team/tags").status, 200)

        self.assertEqual(self.hub.counts()["manifests"][f"team/tags:{self.one}"], {"get": 1})
